"""The sidebar of the sequencer, tab Understudy."""
