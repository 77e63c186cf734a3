"""What each service says, as its JSON has it, and what it means in the program's words; nothing here asks anybody."""
