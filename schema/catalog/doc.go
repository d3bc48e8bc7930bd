// Package catalog holds what llmbench knows of the world as data: models, GPUs,
// versions of TensorRT-LLM with their flags and option keys, and the cells that
// are supported. The facts are HCL files embedded in the program, so that adding
// one is a reviewed change of data and not of code.
//
// A fact that differs between versions is written once, with the versions that
// it holds for; [Load] resolves it into a list for each version. Where a fact
// comes from is said beside it in the HCL.
package catalog
