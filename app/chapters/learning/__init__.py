"""How did it learn this?"""
