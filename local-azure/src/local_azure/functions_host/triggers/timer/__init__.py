"""Timer triggers: six-field NCrontab schedules; runs never overlap."""
