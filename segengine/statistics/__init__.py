"""Pure functions of confusion matrices. numpy only."""
