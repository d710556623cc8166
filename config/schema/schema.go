// Package schema generates documents from config.go: reference, JSON schema and example. It reads types, tags and
// comments from the source and refuses a key without a comment.
package schema

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
)

// Key is one key of the document.
type Key struct {
	Name    string
	Doc     string
	Type    string // string, int, bool, list, map, or a struct's name
	Elem    string // of list and map
	Tag     reflect.StructTag
	Example string
}

// Types maps struct names to their keys in order.
type Types map[string][]Key

// Generate returns the files by name.
func Generate(source string) (map[string][]byte, error) {
	types, err := parse(source)
	if err != nil {
		return nil, err
	}
	schema, err := jsonSchema(types)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"REFERENCE.md": []byte(reference(types)),
		"schema.json":  schema,
		"example.yaml": []byte(example(types)),
	}, nil
}

func parse(source string) (Types, error) {
	f, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	types, names := Types{}, goNames(f)
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		spec := g.Specs[0].(*ast.TypeSpec)
		keys, err := keysOf(spec.Type.(*ast.StructType))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", spec.Name, err)
		}
		for i := range keys {
			keys[i].Doc = names.Replace(keys[i].Doc)
		}
		types[spec.Name.Name] = keys
	}
	return types, nil
}

// goNames replaces the fields' Go names in comments with the keys that users write. Names that differ only in case
// (Role) are left as they are.
func goNames(f *ast.File) *strings.Replacer {
	var pairs []string
	ast.Inspect(f, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || field.Tag == nil {
			return true
		}
		name := field.Names[0].Name
		raw, _ := strconv.Unquote(field.Tag.Value)
		if key := reflect.StructTag(raw).Get("yaml"); strings.ToLower(name) != key {
			pairs = append(pairs, name, "`"+key+"`")
		}
		return true
	})
	return strings.NewReplacer(pairs...)
}

func keysOf(s *ast.StructType) (keys []Key, err error) {
	for _, f := range s.Fields.List {
		raw, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return nil, err
		}
		k := Key{Tag: reflect.StructTag(raw)}
		k.Name, k.Example = k.Tag.Get("yaml"), k.Tag.Get("example")
		// The comment begins with the field's Go name; the manual has the key.
		name := f.Names[0].Name
		k.Doc = strings.Join(strings.Fields(f.Doc.Text()), " ")
		if k.Doc == "" {
			return nil, fmt.Errorf("%s has no comment", name)
		}
		k.Type, k.Elem = typeOf(f.Type)
		keys = append(keys, k)
	}
	return keys, nil
}

func typeOf(e ast.Expr) (kind, elem string) {
	switch t := e.(type) {
	case *ast.StarExpr:
		return typeOf(t.X)
	case *ast.ArrayType:
		kind, _ := typeOf(t.Elt)
		return "list", kind
	case *ast.MapType:
		kind, _ := typeOf(t.Value)
		return "map", kind
	case *ast.Ident:
		return t.Name, ""
	}
	panic(fmt.Sprintf("BUG: the schema holds a %T", e))
}
