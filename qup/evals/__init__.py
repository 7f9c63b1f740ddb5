"""Our lm-eval tasks, one YAML each, and the grading function they share."""
