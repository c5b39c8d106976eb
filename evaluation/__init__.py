"""Third of four rooms: is this scheme fit for use?"""
