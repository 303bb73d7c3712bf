"""Try a fix: run the affected statements again on copies, in a namespace of copies."""
