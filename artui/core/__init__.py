"""What the faces render and never decide: plans and their cost, what can be done about a job, decisions, signing in."""
