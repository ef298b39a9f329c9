"""What results say side by side: comparing, explaining, breaking down, ablating, and figures."""
