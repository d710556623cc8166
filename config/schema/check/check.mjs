// Judges config/schema.json, and our documents by it, with the YAML language server, which editors use. It looks at
// what its user sees: no complaint about a good document, one about each kind of bad one, and a text for every key.
import fs from "node:fs";
import path from "node:path";
import module from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const require = module.createRequire(import.meta.url);
const { getLanguageService } = require("yaml-language-server/out/server/src/languageservice/yamlLanguageService.js");
const { TextDocument } = require("vscode-languageserver-textdocument");

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const schema = JSON.parse(fs.readFileSync(path.join(root, "config/schema.json"), "utf8"));
const uri = pathToFileURL(path.join(root, "config/schema.json")).href;
let broken = false; // an error of the language server itself, which it would only report to its makers
const service = getLanguageService({
  schemaRequestService: async (asked) => { if (asked !== uri) throw new Error(`no schema but ours: ${asked}`); return JSON.stringify(schema); },
  workspaceContext: { resolveRelativePath: (relative, base) => new URL(relative, base).href },
  telemetry: { send() {}, sendError(...what) { if (!broken) console.error(...what); broken = true; }, sendTrack() {} },
  clientCapabilities: { textDocument: { completion: { completionItem: { documentationFormat: ["markdown"] } } } },
});
service.configure({ validate: true, hover: true, completion: true, format: false, yamlVersion: "1.2", schemas: [{ uri, fileMatch: ["*.yaml"] }] });

let version = 0; // the language server remembers a document by its name and version
const open = (text) => TextDocument.create("file:///config.yaml", "yaml", ++version, text);
const complaints = async (text) => (await service.doValidation(open(text), false)).map((d) => `${d.range.start.line + 1}: ${d.message}`);

let failures = 0, judged = 0;
function expect(ok, what) { judged++; if (!ok) { failures++; console.error(what); } }

// examples are blocks of YAML of the documentation whose first keys are all ours.
function* examples() {
  yield ["config/example.yaml", fs.readFileSync(path.join(root, "config/example.yaml"), "utf8")];
  const corpus = path.join(root, "config/testdata/v1");
  for (const f of fs.readdirSync(corpus).filter((f) => f.endsWith(".yaml"))) yield [`config/testdata/v1/${f}`, fs.readFileSync(path.join(corpus, f), "utf8")];
  const pages = ["README.md", ...fs.readdirSync(path.join(root, "docs")).map((f) => `docs/${f}`), "config/REFERENCE.md"];
  for (const page of pages.filter((p) => p.endsWith(".md"))) {
    const text = fs.readFileSync(path.join(root, page), "utf8");
    for (const m of text.matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)) {
      const keys = [...m[1].matchAll(/^([A-Za-z_][\w-]*):/gm)].map((k) => k[1]);
      if (!/^#cloud-config/.test(m[1]) && keys.length > 0 && keys.every((k) => k in schema.properties))
        yield [`${page}:${text.slice(0, m.index).split("\n").length}`, m[1]];
    }
  }
}

for (const [name, text] of examples()) {
  const said = await complaints(text);
  expect(said.length === 0, `${name}: ${said.join("; ")}`);
}

const bad = {
  "unknown key": "hostnam: a\n", "unknown key below": "k3s: {rol: agent}\n", "list for a string": "hostname: [a]\n", "string for a list": "modules: a\n",
  "string for a section": "network: dhcp\n", "string for a number": "network: {interfaces: {eth0: {mtu: big}}}\n", "string for a truth": "k3s: {enabled: maybe}\n",
  "not one of": "k3s: {role: serv}\n", "another version": "version: 2\n", "missing key": "write_files: [{content: x}]\n", "twice": "hostname: a\nhostname: b\n", "not YAML": "hostname: [a\n",
};
for (const [name, text] of Object.entries(bad)) expect((await complaints(text)).length > 0, `${name}: nothing is said`);

// described walks the schema: every key has a text, which the language server shows where the key is completed.
function* described(at, of) {
  for (const [key, value] of Object.entries(of.properties ?? {})) {
    yield [[...at, key], value];
    yield* described([...at, key], value);
  }
  if (of.items) yield* described([...at, 0], of.items);
  if (typeof of.additionalProperties === "object") yield* described([...at, "name"], of.additionalProperties);
}

// under writes a document with the cursor where keys of a section are written.
function under(at) {
  let text = "", indent = "";
  for (const key of at) {
    if (key === 0) { text = text.trimEnd() + `\n${indent}- `; indent += "  "; continue; }
    text += (text.endsWith("- ") ? "" : indent) + `${key}:\n`;
    indent += "  ";
  }
  return text.endsWith("- ") ? text : text + indent;
}

const offered = new Map();
for (const [at, value] of described([], schema)) {
  expect(Boolean(value.description), `${at.join(".")}: no description`);
  const section = under(at.slice(0, -1));
  if (!offered.has(section)) {
    const lines = section.split("\n");
    const list = await service.doComplete(open(section), { line: lines.length - 1, character: lines.at(-1).length }, false);
    offered.set(section, new Map(list.items.map((i) => [i.label, i.documentation?.value ?? i.documentation ?? ""])));
  }
  expect(offered.get(section).get(at.at(-1)), `${at.join(".")}: an editor offers no text for it`);
}

console.log(`${judged} judgements, ${failures} failures`);
process.exit(failures > 0 ? 1 : 0);
