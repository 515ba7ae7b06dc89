"""Read cases from tables, designs and other jobs, and store them before the first case starts."""
