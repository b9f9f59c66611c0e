"""A first configuration: the operator's answers, the files made of them, and other forms."""
