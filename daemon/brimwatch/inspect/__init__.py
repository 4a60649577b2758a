"""What is there to know about one process at one moment, without its help and without changing it?"""
