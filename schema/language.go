package schema

import (
	"maps"
	"slices"
)

// Language lists the arguments of each type of block, without the flags of
// trtllm-bench, the arguments of executors, and blocks whose arguments have any
// name.
func Language() map[string][]string {
	names := func(fields []field) []string { all, _ := fieldNames(fields); return all }
	return map[string][]string{
		"llmbench":   settingsShape.args,
		"policy":     names(policyFields),
		"variable":   variableShape.args,
		"validation": validationShape.args,
		"model":      names(modelFields),
		"hardware":   names(hardwareFields),
		"image":      append(names(imageFields), "llm_api_options"),
		"use_case":   names(useCaseFields),
		"benchmark":  slices.Clone(ownArguments),
		"axis":       {"values"},
		"slo":        slices.Clone(sloShape.args),
		"search":     slices.Clone(searchShape.args),
		"bound":      slices.Clone(boundShape.args),
	}
}

// FunctionNames lists the functions of the language, sorted.
func FunctionNames() []string { return slices.Sorted(maps.Keys(functions)) }
