"""A class: what its teacher shows goes to every follower's browser, beside Streamlit, and nothing of it is stored.

codes: the class's code and the teacher's token; room: the newest state of one class and who is in it; rooms: all of them;
protocol: what is said over the socket; hub: who is woken when, in the event loop; routes: the socket and the page that followers open;
mirror: what one session shows, read off Streamlit's messages to its browser; presenting: the session that holds the teacher's rights.

The first five import neither Streamlit nor Starlette.
"""
