"""Files: images in, fields and checkpoints out. Packages that a format needs are imported when it is used."""
