// Package schema generates documents from the structs of package config: reference, JSON schema and example. It reads
// types, tags and comments from the source and refuses a key without a comment.
package schema

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
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

// Generate returns the files by name. dir is the folder of package config.
func Generate(dir string) (map[string][]byte, error) {
	types, err := parse(dir)
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

// root is the struct of the whole document; the schema is the structs that it refers to, in whatever files.
const root = "Config"

func parse(dir string) (Types, error) {
	structs, err := structsOf(dir)
	if err != nil {
		return nil, err
	}
	types, names := Types{}, []string{}
	if err := types.add(structs, root, &names); err != nil {
		return nil, err
	}
	replacer := strings.NewReplacer(names...)
	for _, keys := range types {
		for i := range keys {
			keys[i].Doc = replacer.Replace(keys[i].Doc)
		}
	}
	return types, nil
}

// structsOf returns the struct types of a package by name.
func structsOf(dir string) (map[string]*ast.StructType, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no Go files in %s (%v)", dir, err)
	}
	structs := map[string]*ast.StructType{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	return structs, nil
}

// add adds a struct and those that its keys refer to, and to names their fields' names as goNames returns them.
func (t Types) add(structs map[string]*ast.StructType, name string, names *[]string) error {
	s := structs[name]
	if s == nil || t[name] != nil {
		return nil
	}
	keys, err := keysOf(s)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t[name] = keys
	*names = append(*names, goNames(s)...)
	for _, k := range keys {
		for _, of := range []string{k.Type, k.Elem} {
			if err := t.add(structs, of, names); err != nil {
				return err
			}
		}
	}
	return nil
}

// goNames returns pairs of a field's Go name, as comments have it, and the key that users write. Names that differ only
// in case (Role) are left as they are.
func goNames(s *ast.StructType) (pairs []string) {
	for _, field := range s.Fields.List {
		name := field.Names[0].Name
		raw, _ := strconv.Unquote(field.Tag.Value) // keysOf has returned its error
		if key := reflect.StructTag(raw).Get("yaml"); strings.ToLower(name) != key {
			pairs = append(pairs, name, "`"+key+"`")
		}
	}
	return pairs
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
