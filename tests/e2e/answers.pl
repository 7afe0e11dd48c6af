# Tries ends, each named as PROTOCOL/ADDRESS/PORT, side by side, and prints those that answer within some seconds: tcp by taking a
# connection, udp by a datagram back.
use strict;
use warnings;
use Errno;
use IO::Handle;
use IO::Select;
use Socket qw(:DEFAULT :addrinfo);

# A question that a DNS server answers as well (RFC 1035, 4.1): the name servers of the root.
my $question = pack "n6 C n2", 0x1234, 0x0100, 1, 0, 0, 0, 0, 2, 1;

my ($connecting, $asked, %name) = (IO::Select->new, IO::Select->new);
for my $end (@ARGV) {
    my ($protocol, $address, $port) = split m{/}, $end;
    my $type = $protocol eq "tcp" ? SOCK_STREAM : SOCK_DGRAM;
    my ($error, $at) = getaddrinfo($address, $port, {flags => AI_NUMERICHOST, socktype => $type});
    die "$end: $error\n" if $error;
    socket(my $socket, $at->{family}, $type, $at->{protocol}) or die "$end: $!\n";
    $socket->blocking(0);
    next unless connect($socket, $at->{addr}) || $!{EINPROGRESS}; # there is no way there
    send $socket, $question, 0 if $protocol eq "udp";
    ($protocol eq "tcp" ? $connecting : $asked)->add($socket);
    $name{$socket} = $end;
}

my $last = time + 3;
while (time <= $last && $connecting->count + $asked->count > 0) {
    my ($readable, $writable) = IO::Select->select($asked, $connecting, undef, 1);
    for my $socket (@{$writable // []}) {
        $connecting->remove($socket);
        print "$name{$socket}\n" if unpack("i", getsockopt($socket, SOL_SOCKET, SO_ERROR)) == 0;
    }
    for my $socket (@{$readable // []}) {
        $asked->remove($socket);
        print "$name{$socket}\n" if defined recv $socket, my $answer, 512, 0; # an error, if nobody is there
    }
}
