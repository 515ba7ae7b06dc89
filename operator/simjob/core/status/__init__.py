"""From a rule's decision to the status: counts, conditions, messages, Events."""
