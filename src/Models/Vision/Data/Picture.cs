namespace Marrow.Vision;

/// <summary>An image in memory: 8-bit red, green and blue, pixel by pixel, row by row from the top left.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Pixels">Width × Height × 3 bytes.</param>
public sealed record Picture(int Width, int Height, byte[] Pixels);
