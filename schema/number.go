package schema

import (
	"math"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// exactInt is the largest whole number up to which float64 has no gaps.
const exactInt = 1 << 53

// round gives a number the value of the nearest float64, in its shortest
// decimal form, so that 0.9 still equals 0.9 in an expression. ok is false if
// no float64 is near.
func round(v cty.Value) (rounded cty.Value, ok bool) {
	f := asFloat(v)
	if math.IsInf(f, 0) {
		return v, false
	}
	if f == math.Trunc(f) && math.Abs(f) <= exactInt {
		return cty.NumberIntVal(int64(f)), true
	}
	return cty.MustParseNumberVal(strconv.FormatFloat(f, 'g', -1, 64)), true
}

func asFloat(v cty.Value) float64 {
	f, _ := v.AsBigFloat().Float64()
	return f
}

// asWhole is the whole number in v; ok is false if it has a fraction or is too
// large to be exact.
func asWhole(v cty.Value) (n int64, ok bool) {
	f := asFloat(v)
	if f != math.Trunc(f) || math.Abs(f) > exactInt {
		return 0, false
	}
	return int64(f), true
}

// beyond says what is wrong with a number that no float64 holds.
func beyond(v cty.Value) string {
	if n, err := convert.Convert(v, cty.Number); err == nil && n.AsBigFloat().IsInf() {
		return "is infinite: its expression divides by zero"
	}
	return "is too large a number"
}

// shortest prints a number without an exponent.
func shortest(v cty.Value) string {
	return strconv.FormatFloat(asFloat(v), 'f', -1, 64)
}

// roundDeep rounds all numbers in v and turns maps into objects and lists into
// tuples, so that equal content is equal. ok is false if a number is too large.
func roundDeep(v cty.Value) (out cty.Value, ok bool) {
	ty := v.Type()
	switch {
	case v.IsNull():
		return cty.NullVal(cty.DynamicPseudoType), true
	case ty == cty.Number:
		return round(v)
	case ty.IsObjectType() || ty.IsMapType():
		attrs := make(map[string]cty.Value, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if e, ok = roundDeep(e); !ok {
				return v, false
			}
			attrs[k.AsString()] = e
		}
		return cty.ObjectVal(attrs), true
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		elems := make([]cty.Value, 0, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			if e, ok = roundDeep(e); !ok {
				return v, false
			}
			elems = append(elems, e)
		}
		return cty.TupleVal(elems), true
	}
	return v, true
}
