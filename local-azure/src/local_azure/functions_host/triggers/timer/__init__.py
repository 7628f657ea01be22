"""Timer triggers: six-field NCrontab schedules, runs that never overlap."""
