"""Other tools' files, read as what they are: untrusted."""
