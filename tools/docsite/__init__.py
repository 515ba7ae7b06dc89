"""The documentation as a site: what mkdocs needs beside mkdocs.yml, and the browser that tests it."""
