"""The parts of a release: the image with its SBOMs, the manifest that installs it, and their checksums."""
