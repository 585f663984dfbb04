"""What stands between the network and Streamlit: who is let in, and what is served beside the pages.

Nothing here knows the model, a page or a visitor's view.
"""
