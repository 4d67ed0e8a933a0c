"""Where a station comes from: `base` says what a source gives, each other module is one source."""
