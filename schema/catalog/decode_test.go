package catalog

import (
	"strings"
	"testing"
	"testing/fstest"
)

const twoVersions = "version \"1.0\" {}\nversion \"2.0\" {}\n"

// problemsOf decodes one file and returns what is wrong with it.
func problemsOf(src string) (c *Catalog, wrong string) {
	c, diags := decode(fstest.MapFS{"a.hcl": {Data: []byte(src)}})
	var all []string
	for _, d := range diags {
		all = append(all, d.Error())
	}
	return c, strings.Join(all, "; ")
}

func TestSpans(t *testing.T) {
	c, _ := problemsOf(twoVersions + `
flags {
  a = { type = "int" }
  b = { type = "int", since = "2.0" }
}
object "o.p" {
  until = "1.0"

  x = { type = "any" }
}
object "o" {
  y = { type = "bool" }
}
object "o" {
  since = "2.0"

  z = { type = "bool" }
}
`)
	var got []string
	for _, v := range c.Versions {
		for _, f := range v.Flags {
			got = append(got, v.Name+":"+f.Name)
		}
		for _, o := range v.Options {
			got = append(got, v.Name+":"+o.Name)
		}
	}
	const want = "1.0:a 1.0:o.p 1.0:o.p.x 1.0:o 1.0:o.y 2.0:a 2.0:b 2.0:o 2.0:o.y 2.0:o.z"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestMistakesInTheData(t *testing.T) {
	for name, test := range map[string]struct{ src, want string }{
		"syntax":            {"version {", "a.hcl:1"},
		"unknown block":     {"flag {}", "Unsupported block type"},
		"unknown attribute": {"flags {\n a = { type = \"int\", mn = 1 }\n}", `unknown attribute "mn"`},
		"no type":           {"flags {\n a = {}\n}", `attribute "type" is required`},
		"flag type":         {twoVersions + "flags {\n a = { type = \"number\" }\n}", `unknown type "number"`},
		"option type":       {twoVersions + "options {\n a = { type = \"list\" }\n}", `unknown type "list"`},
		"flag twice":        {twoVersions + "flags {\n a = { type = \"int\" }\n}\nflags {\n a = { type = \"int\" }\n}", "has a already"},
		"option twice":      {twoVersions + "options {\n a = { type = \"int\" }\n}\nobject \"a\" {}", "which is not an object"},
		"version":           {"flags {\n since = \"3.0\"\n}", "Version 3.0 is not in the catalogue"},
		"default":           {twoVersions + "flags {\n a = { type = \"string\", values = [\"x\"], default = \"y\" }\n}", "default that it does not allow"},
		"orphan":            {twoVersions + "object \"a.b\" {}", "in no object"},
		"rename":            {twoVersions + "renames {\n rename \"a\" { to = \"b\" }\n}", "which it lacks"},
		"rename of its own": {twoVersions + "options {\n a = { type = \"int\" }\n}\nrenames {\n rename \"a\" { to = \"a\" }\n}", "still has its old name"},
		"renamed twice":     {twoVersions + "renames {\n rename \"a\" { to = \"b\" }\n rename \"a\" { to = \"c\" }\n}", "renames a already, to b"},
		"no cell":           {"", "no cell is supported"},
		"unknown cell":      {"cell {\n checkpoint = \"x\"\n quantization = \"\"\n gpu = \"G\"\n gpus = 1\n gpus_per_node = 1\n}", "unknown checkpoint x"},
	} {
		if _, wrong := problemsOf(test.src); !strings.Contains(wrong, test.want) {
			t.Errorf("%s: %q, want it to say %q", name, wrong, test.want)
		}
	}
}
