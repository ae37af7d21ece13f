namespace Marrow.Cuda;

/// <summary>CUDA refuses something; the message is one sentence.</summary>
internal sealed class CudaException(string message) : Exception(message);
