"""What every use of a language model shares: chats as token ids, threads and memory, what a person sees meanwhile."""
