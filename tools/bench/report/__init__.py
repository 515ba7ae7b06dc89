"""From the timeline to figures, tables, plots and pages."""
