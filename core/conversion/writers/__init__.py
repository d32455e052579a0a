"""Writers of converted footage: one small class per file, found through the rows `core.options.rows.WRITERS`."""
