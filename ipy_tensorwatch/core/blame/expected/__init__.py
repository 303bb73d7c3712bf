"""Which changes a person expects: of optimizers, modules, updates by hand and an object's own arrays."""
