namespace Marrow;
/// <summary>x</summary>
public class X1;
