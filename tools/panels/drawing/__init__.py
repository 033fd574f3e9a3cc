"""Drawing: shapes, scales, panels, and the whole picture."""
