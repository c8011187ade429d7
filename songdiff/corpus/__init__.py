"""Score → stems: a singer, instruments, a mix, and a corpus of as many such songs as you like.

Nothing is imported here, so that looking for one tool does not need the others: see :mod:`.build`, :mod:`.singer`,
:mod:`.instruments`, :mod:`.mixing`, :mod:`.words` and :mod:`.doctor`.
"""
