// Package schema is the language of llmbench: HCL definitions in, checked
// definitions out, every mistake with its place.
//
//  1. The *.hcl files of one directory are read in the order of their names
//     (source.go) and their blocks are collected (block.go).
//  2. Variables get their values (variable.go, input.go). A variable without a
//     value is unknown and marked; it is a mistake only where something that is
//     used needs it. A sensitive value is marked too, and the mark is refused
//     everywhere but in env.
//  3. Locals, models, hardware, images and use cases are evaluated when
//     something refers to them (names.go), so that they may stand in any order.
//  4. Each row of a benchmark is multiplied by the axes that apply to it
//     (matrix.go, axis.go, exclude.go) and its arguments are resolved for each
//     run (resolver.go). What depends on few axes is evaluated once for each
//     combination of those, not once a run.
//
// The result is [Definitions] with one [Cell] a run. What a cell's numbers mean
// to TensorRT-LLM is proved by package plan. Package schema knows no executor:
// the specifications of their blocks are handed to [Load].
package schema
