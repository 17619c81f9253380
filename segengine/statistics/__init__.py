"""What may be said about numbers: pure functions of confusion matrices. numpy only."""
