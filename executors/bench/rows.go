package main

// rows are all that is measured, in the order of the table.
func rows() []*row {
	list := []*row{datasetRow()}
	list = append(list, planRows()...)
	list = append(list, storeRows()...)
	list = append(list, seriesRow(), simulateRow(), applyRow(), followRow(), endRow(), tickRow(), packRow())
	return append(list, startRows()...)
}
