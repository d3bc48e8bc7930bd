package plan

import (
	"reflect"
	"testing"

	"github.com/llmbench/llmbench/plan/estimate"
)

// Whatever of a scenario arguments and options decide tells loads apart.
func TestLoadsDifferInEveryFieldOfAScenario(t *testing.T) {
	elsewhere := map[string]string{
		"Model": "machine", "GPU": "machine", "GPUs": "machine", "Version": "machine", "Early": "machine", "Parameters": "machine",
		"Requests": "data",
	}
	base := estimate.Scenario{}
	of := reflect.TypeFor[estimate.Scenario]()
	for i := range of.NumField() {
		name := of.Field(i).Name
		if elsewhere[name] != "" {
			continue
		}
		s := estimate.Scenario{}
		switch f := reflect.ValueOf(&s).Elem().Field(i); f.Kind() {
		case reflect.Int:
			f.SetInt(7)
		case reflect.Float64:
			f.SetFloat(0.5)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.String:
			f.SetString("x")
		case reflect.Slice:
			f.Set(reflect.ValueOf([]int{7}))
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]any{"stream_interval": 4}))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		default:
			t.Fatalf("%s has a kind that this test does not know", name)
		}
		if loadKey(s) == loadKey(base) {
			t.Errorf("scenarios that differ in %s are taken for one load", name)
		}
	}
}
