package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/report"
)

// studiesSchema names the JSON of several studies' diagnoses.
const studiesSchema = "jcs.studies/1"

// studies is what came of each study of an input that holds several.
type studies struct {
	Schema  string         `json:"schema"`
	Studies []studyOutcome `json:"studies"`
}

// studyOutcome is what came of one study: a diagnosis in its folder, or a
// refusal.
type studyOutcome struct {
	Name        string              `json:"name"`             // made by jcs, never of what a file says
	Folder      string              `json:"folder,omitempty"` // below --out
	StudyUID    string              `json:"study_uid,omitempty"`
	SeriesUID   string              `json:"series_uid,omitempty"`
	Status      string              `json:"status"` // done or refused
	Verdict     diagnose.Verdict    `json:"verdict,omitempty"`
	Probability *float64            `json:"probability,omitempty"`
	Refusal     *refusal            `json:"refusal,omitempty"`
	Diagnosis   *diagnose.Diagnosis `json:"-"`
	Series      []ct.Series         `json:"series,omitempty"`
}

// refusal is a refusal in JSON.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func refusalJSON(r *ct.Refusal) *refusal { return &refusal{r.Code, r.Sentence} }

// partRefusedError says that some of several studies were refused, the others
// are done.
type partRefusedError struct {
	refused, all int
	first        *ct.Refusal
}

func (e *partRefusedError) Error() string {
	return fmt.Sprintf("%d of %d studies were refused, the first because %s", e.refused, e.all, e.first)
}

func (e *partRefusedError) Unwrap() error { return e.first }

// diagnoseEach diagnoses the studies of an input one after the other, each into a
// folder of its own. A study that is refused does not stop the others; if all
// are, the first refusal is returned and nothing is left.
func (c *diagnoseCommand) diagnoseEach(ctx context.Context, t *terminal, contents *ct.Contents, models diagnose.Models, o diagnose.Options, folder *report.Folder) error {
	all := studies{Schema: studiesSchema}
	var first *ct.Refusal
	refused := 0
	for i, study := range contents.Studies {
		name := fmt.Sprintf("study-%d", i+1)
		outcome := studyOutcome{Name: name, StudyUID: study.UID, Series: study.Series}
		t.say("%s of %d", name, len(contents.Studies))
		d, err := c.diagnoseOne(ctx, t, contents, i, models, o, folder.Below(name), time.Now())
		var why *ct.Refusal
		switch {
		case errors.As(err, &why):
			refused++
			if first == nil {
				first = why
			}
			outcome.Status, outcome.Refusal = "refused", refusalJSON(why)
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		default:
			outcome.Status, outcome.Folder, outcome.Diagnosis = "done", name, d
			outcome.SeriesUID, outcome.Verdict, outcome.Probability = d.Input.SeriesUID, d.Verdict, d.Probability
		}
		all.Studies = append(all.Studies, outcome)
	}
	if refused == len(all.Studies) {
		return first
	}
	if err := report.WriteStudies(folder, all); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := folder.Commit(); err != nil {
		return err
	}
	t.settle()
	if err := c.printStudies(t, all); err != nil {
		return err
	}
	if refused > 0 {
		return &partRefusedError{refused, len(all.Studies), first}
	}
	return nil
}

func (c *diagnoseCommand) printStudies(t *terminal, all studies) error {
	if c.JSON {
		return t.json(all)
	}
	rows := [][]string{{"study", "verdict", "positive slices", "series"}}
	for _, s := range all.Studies {
		if s.Refusal != nil {
			rows = append(rows, []string{s.Name, "refused", "", s.Refusal.Message})
			continue
		}
		rows = append(rows, []string{s.Name, verdictText(t, s.Diagnosis), positiveText(s.Diagnosis), s.SeriesUID})
		for _, w := range s.Diagnosis.Warnings {
			rows = append(rows, []string{"", "warning", "", w.Message})
		}
	}
	if err := t.table(append(rows, []string{"written to", c.Out})); err != nil {
		return err
	}
	fmt.Fprintln(t.err, researchOnly)
	return nil
}

// diagnoseOne diagnoses one study of the input and writes it to a folder, which
// is not given its name yet.
func (c *diagnoseCommand) diagnoseOne(ctx context.Context, t *terminal, contents *ct.Contents, study int, models diagnose.Models, o diagnose.Options, folder *report.Folder, begin time.Time) (*diagnose.Diagnosis, error) {
	in, err := contents.Open(ctx, study)
	if err != nil {
		return nil, err
	}
	read := time.Since(begin)
	result, err := diagnose.Run(ctx, in, models, o)
	if err != nil {
		return nil, err
	}
	result.Diagnosis.TimingMS["read"] = diagnose.Milliseconds(read)
	return result.Diagnosis, c.write(ctx, t, folder, result, begin)
}
