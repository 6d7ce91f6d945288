// Package cli owns the command line: one file a command, each of which turns
// flags into one call and its answer into a table for people or JSON for
// programs. JSON goes to stdout, progress and complaints go to stderr.
//
// Exit status: 0 done, whatever the verdict; 1 a failure of ours; 2 wrong usage;
// 3 the input is refused; 130 interrupted.
package cli
