"""The results of simulations: from termination messages to rows in ConfigMaps."""
