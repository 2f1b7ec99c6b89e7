"""Other devices than the CPU: a make-believe one, on every machine, and a GPU, where there is one."""
