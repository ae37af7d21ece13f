using System.Buffers.Binary;
using System.Text;

namespace Marrow.Tests.Checkpoints;

/// <summary>Safetensors files put together by hand, right and wrong ones.</summary>
internal static class SafetensorsBytes
{
    public static byte[] Make(string header, int dataLength) => Make(Encoding.UTF8.GetBytes(header), dataLength);

    public static byte[] Make(byte[] header, int dataLength, ulong? claimed = null)
    {
        var file = new byte[8 + header.Length + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(file, claimed ?? (ulong)header.Length);
        header.CopyTo(file, 8);
        for (var i = 8 + header.Length; i < file.Length; i++) file[i] = (byte)i;
        return file;
    }
}
