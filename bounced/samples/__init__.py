"""Sample bounces, for the demonstration: written for this project, modelled on what mail systems send."""
