package ct

import "context"

// Contents is what an input holds: one or more studies, of each of which one
// series is taken. It keeps the input open until Close.
type Contents struct {
	Kind    Kind
	Studies []Study

	path     string // of the input
	listing  *listing
	found    map[format][]entry
	options  Options
	decoders *decoders
	groups   []*group // all series, of all studies
}

// Study is the series that share a study. Pictures and volumes that are no DICOM
// are one study without series.
type Study struct {
	UID    string
	Series []Series
	// Refusal says why no series of the study is taken.
	Refusal *Refusal

	taken *group
}

// Usable reports whether the study can be opened.
func (s *Study) Usable() bool { return s.Refusal == nil }

// Survey looks at what the input at path holds, and chooses the series of each
// study. Its errors are those of [Open]; what is wrong with one study of several
// is in [Study.Refusal].
func Survey(ctx context.Context, path string, o Options) (*Contents, error) {
	o.Limits = o.Limits.orDefaults()
	l, err := list(ctx, path, o.Limits)
	if err != nil {
		return nil, openError(path, err)
	}
	c := &Contents{path: path, listing: l, options: o}
	if err := c.survey(ctx); err != nil {
		c.Close()
		return nil, openError(path, err)
	}
	return c, nil
}

func (c *Contents) survey(ctx context.Context) error {
	var err error
	if c.found, err = c.listing.formats(ctx); err != nil {
		return err
	}
	if len(c.found[formatDICOM]) > 0 {
		c.Kind = KindDICOM
		return c.surveyDICOM(ctx)
	}
	if c.Kind, err = c.listing.kindOf(c.found); err != nil {
		return err
	}
	c.Studies = []Study{{}}
	return nil
}

// Open reads the series that was taken of a study. A study can be opened after
// another was refused.
func (c *Contents) Open(ctx context.Context, study int) (*Input, error) {
	s := &c.Studies[study]
	if s.Refusal != nil {
		return nil, s.Refusal
	}
	in, err := c.read(ctx, s)
	if err != nil {
		return nil, openError(c.listing.name, err)
	}
	in.warnLinks(c.listing.links)
	in.warnReferences(c.listing)
	return in, nil
}

func (c *Contents) read(ctx context.Context, s *Study) (*Input, error) {
	if c.Kind != KindDICOM {
		return c.listing.readOther(ctx, c.Kind, c.found, c.options)
	}
	in, err := c.readDICOM(ctx, s)
	if err != nil {
		return nil, err
	}
	in.warnIgnored("pictures_ignored", "PNG or JPEG picture", len(c.found[formatPNG])+len(c.found[formatJPEG]))
	in.warnIgnored("volumes_ignored", "NIfTI volume", len(c.found[formatNIfTI]))
	warnBroken(in, c.found[formatOther])
	return in, nil
}

// Only returns the number of the one study that can be opened, or says why there
// is not one.
func (c *Contents) Only() (int, error) {
	var usable []int
	for i := range c.Studies {
		if c.Studies[i].Usable() {
			usable = append(usable, i)
		}
	}
	switch {
	case len(usable) == 1:
		return usable[0], nil
	case len(usable) > 1:
		return 0, refuse("several_studies", "the input holds %d studies with a CT, and one is wanted: choose with --series UID among %s",
			len(usable), c.describeTaken(usable))
	default:
		return 0, c.Studies[0].Refusal
	}
}

// Close lets go of the input.
func (c *Contents) Close() {
	if c.decoders != nil {
		c.decoders.close()
	}
	c.listing.close()
}
