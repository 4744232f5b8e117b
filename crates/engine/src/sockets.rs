//! Connected sockets, sent to another process over a socket (`SCM_RIGHTS`).

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Most sockets in one message: the kernel's limit.
pub const SOCKETS_MAX: usize = 253;

/// Sends sockets in one message.
///
/// # Errors
/// If there are too many, or the socket fails.
pub fn send(over: &UnixStream, sockets: &[UnixStream]) -> io::Result<()> {
    if sockets.len() > SOCKETS_MAX {
        return Err(io::Error::other(format!("more than SOCKETS_MAX ({SOCKETS_MAX}) sockets")));
    }
    let descriptors: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("the sockets do not fit into one message"));
    }
    // One byte: a message without bytes carries nothing.
    sendmsg(over, &[IoSlice::new(&[0])], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// Receives the sockets of one message.
///
/// # Errors
/// If the socket fails, or the message has another number of sockets.
pub fn receive(over: &UnixStream, count: usize) -> io::Result<Vec<UnixStream>> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC;
    recvmsg(over, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags)?;
    let mut sockets: Vec<UnixStream> = Vec::with_capacity(count);
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            sockets.extend(descriptors.map(|descriptor: OwnedFd| UnixStream::from(descriptor)));
        }
    }
    if sockets.len() != count {
        return Err(io::Error::other("the message has another number of sockets"));
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn sockets_arrive_in_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut one, first) = UnixStream::pair().unwrap();
        let (mut two, second) = UnixStream::pair().unwrap();
        send(&ours, &[first, second]).unwrap();
        let mut received = receive(&theirs, 2).unwrap();
        received[0].write_all(b"1").unwrap();
        received[1].write_all(b"2").unwrap();
        let mut byte = [0];
        one.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"1");
        two.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"2");
    }

    #[test]
    fn another_number_of_sockets_is_refused() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (_one, first) = UnixStream::pair().unwrap();
        send(&ours, &[first]).unwrap();
        assert!(receive(&theirs, 2).is_err());
    }
}
