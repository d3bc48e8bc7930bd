// Package plan turns checked definitions into runs, proves that they are valid
// and says of each what apply would do and why.
//
//  1. [Build] takes the cells of package schema. The proof (check*.go) refuses
//     what TensorRT-LLM would refuse, or silently do otherwise, once the money
//     is spent; one invalid cell refuses the plan whole.
//  2. Each cell becomes a [Run]: its flags, its options file, its command, and
//     an [Identity] whose hash is the run's fingerprint. Whatever can move the
//     number is in the identity; names, limits and accounts are not.
//  3. A [Ledger] tells what is stored or in flight for a fingerprint. That
//     decides the run's [Action] and, where something else was measured at the
//     same address, the list of [Change]s.
//  4. The [Plan] is complete: argv, files and job scripts follow from its runs by pure
//     functions ([Run.Command], [JobRenderer]), relative to the attempt folder, and package
//     document writes them down. Apply decides nothing about a run.
//
// Equal inputs give equal bytes. The package runs no process and reads no file.
package plan
