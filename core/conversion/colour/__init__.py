"""Colour methods: one small class per file, found through the rows `core.options.rows.COLOURS`."""
