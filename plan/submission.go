package plan

import "strings"

// MovingOptions are those of sbatch's options that can move a number: accounting,
// mail and the place in the queue cannot. A value may be a word of its own.
func MovingOptions(args []string) []string {
	out := []string{}
	for i := 0; i < len(args); i++ {
		name, value := optionName(args[i])
		alone := !value && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-")
		n := 1
		if alone {
			n = 2
		}
		if !bookkeeping[name] {
			out = append(out, args[i:i+n]...)
		}
		i += n - 1
	}
	return out
}

// bookkeeping are sbatch's options that decide who pays, who is told and when and
// on which nodes a job starts, but not how it runs.
var bookkeeping = map[string]bool{
	"account": true, "wckey": true, "qos": true, "partition": true, "reservation": true, "clusters": true,
	"nodelist": true, "exclude": true, "priority": true, "nice": true, "begin": true, "deadline": true,
	"mail-type": true, "mail-user": true, "comment": true, "quiet": true, "verbose": true,
}

// shortOptions are sbatch's one-letter names of them.
var shortOptions = map[byte]string{
	'A': "account", 'q': "qos", 'p': "partition", 'M': "clusters", 'w': "nodelist", 'x': "exclude", 'b': "begin", 'Q': "quiet", 'v': "verbose",
}

// optionName is the long name of an option; value reports whether the word holds
// its value too.
func optionName(word string) (name string, value bool) {
	if long, ok := strings.CutPrefix(word, "--"); ok {
		name, _, value = strings.Cut(long, "=")
		return name, value
	}
	if len(word) > 1 && word[0] == '-' {
		if long, ok := shortOptions[word[1]]; ok {
			return long, len(word) > 2
		}
	}
	return word, true
}
