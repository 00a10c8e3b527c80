"""What is given away: records whose models' licences allow it, what they are, and how they get to the hub."""
